package names

func use(v any) any {
	other := v
	return other
}

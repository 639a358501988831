package pair

func second() {
	first()
	println(limit)
	first()
}

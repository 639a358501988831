package methods

func (t *T) B() {
	if t.a > 0 {
		t.A()
	}
}

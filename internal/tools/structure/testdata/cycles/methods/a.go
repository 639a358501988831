package methods

type T struct{ a, b int }

func (t *T) A() { t.B() }

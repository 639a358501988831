package a

type many[T any] struct{}

func (*many[T]) M1() {}

func (*many[T]) M2() {}

func (*many[T]) M3() {}

func (*many[T]) M4() {}

func (*many[T]) M5() {}

func (*many[T]) M6() {}

func (*many[T]) M7() {}

func (*many[T]) M8() {}

func (*many[T]) M9() {}

func (*many[T]) M10() {}

func (*many[T]) M11() {}

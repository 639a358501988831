package a

func (many[T]) M12() {}

func (many[T]) M13() {}

func (many[T]) M14() {}

func (many[T]) M15() {}

func (many[T]) M16() {}

func (many[T]) M17() {}

func (many[T]) M18() {}

func (many[T]) M19() {}

func (many[T]) M20() {}

func (many[T]) M21() {}

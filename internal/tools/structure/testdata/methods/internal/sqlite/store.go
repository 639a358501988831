package sqlite

type Store struct{}

func (*Store) M1() {}

func (*Store) M2() {}

func (*Store) M3() {}

func (*Store) M4() {}

func (*Store) M5() {}

func (*Store) M6() {}

func (*Store) M7() {}

func (*Store) M8() {}

func (*Store) M9() {}

func (*Store) M10() {}

func (*Store) M11() {}

func (*Store) M12() {}

func (*Store) M13() {}

func (*Store) M14() {}

func (*Store) M15() {}

func (*Store) M16() {}

func (*Store) M17() {}

func (*Store) M18() {}

func (*Store) M19() {}

func (*Store) M20() {}

func (*Store) M21() {}

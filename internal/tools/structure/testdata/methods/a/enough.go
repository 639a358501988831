package a

type enough struct{}

func (enough) M1() {}

func (enough) M2() {}

func (enough) M3() {}

func (enough) M4() {}

func (enough) M5() {}

func (enough) M6() {}

func (enough) M7() {}

func (enough) M8() {}

func (enough) M9() {}

func (enough) M10() {}

func (enough) M11() {}

func (enough) M12() {}

func (enough) M13() {}

func (enough) M14() {}

func (enough) M15() {}

func (enough) M16() {}

func (enough) M17() {}

func (enough) M18() {}

func (enough) M19() {}

func (enough) M20() {}

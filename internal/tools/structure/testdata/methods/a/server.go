package a

import "example.com/pb"

type server struct {
	pb.UnimplementedTokenServer
}

func (*server) M1() {}

func (*server) M2() {}

func (*server) M3() {}

func (*server) M4() {}

func (*server) M5() {}

func (*server) M6() {}

func (*server) M7() {}

func (*server) M8() {}

func (*server) M9() {}

func (*server) M10() {}

func (*server) M11() {}

func (*server) M12() {}

func (*server) M13() {}

func (*server) M14() {}

func (*server) M15() {}

func (*server) M16() {}

func (*server) M17() {}

func (*server) M18() {}

func (*server) M19() {}

func (*server) M20() {}

func (*server) M21() {}

package pair

func third() { first() }

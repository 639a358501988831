package pair

func first() { second() }

const limit = 1

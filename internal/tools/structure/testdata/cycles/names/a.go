package names

import "example.com/x"

func Field() {}

func other() x.T { return x.T{Field: use(x.use)} }

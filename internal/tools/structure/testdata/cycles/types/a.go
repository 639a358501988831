package types

import "sync/atomic"

type list struct{ now atomic.Pointer[item] }

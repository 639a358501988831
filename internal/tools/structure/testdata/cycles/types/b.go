package types

type item struct{ list *list }

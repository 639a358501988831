package postgres

import (
	"reflect"
	"slices"
	"testing"
)

// Rule 70: a statement is a query, to which no string variable converts. No
// method that sends statements accepts a string instead.
func TestRule70_StatementsAreQueries(t *testing.T) {
	text, senders := reflect.TypeFor[string](), 0
	for _, sender := range []reflect.Type{
		reflect.TypeFor[database](), reflect.TypeFor[transaction](), reflect.TypeFor[*queries](),
	} {
		for i := range sender.NumMethod() {
			method := sender.Method(i)
			parameters := slices.Collect(method.Type.Ins())
			if slices.Contains(parameters, text) {
				t.Errorf("%s.%s accepts a string", sender, method.Name)
			}
			if slices.Contains(parameters, reflect.TypeFor[query]()) {
				senders++
			}
		}
	}
	if senders < 7 {
		t.Errorf("only %d methods accept a query", senders)
	}
}

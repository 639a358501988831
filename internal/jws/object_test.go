package jws

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestObject_ReturnsMembers(t *testing.T) {
	got, err := ParseObject(`{"a":1,"\u0062":"x\ud83d\ude00\n", "c" : [ 1, {"a":{}} ] ,"":null,"A":-0.5e+3,` +
		`"é":true,"f":false,"\\\"":[]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := Object{
		{"a", "1"},
		{"b", `"x\ud83d\ude00\n"`},
		{"c", `[ 1, {"a":{}} ]`},
		{"", "null"},
		{"A", "-0.5e+3"},
		{"é", "true"},
		{"f", "false"},
		{`\"`, "[]"},
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got the members %q, want %q", got, want)
	}
	if value, ok := got.Get("A"); !ok || value != "-0.5e+3" {
		t.Errorf("member A is %q, %v", value, ok)
	}
	if value, ok := got.Get("x"); ok {
		t.Errorf("member x is %q, want none", value)
	}
	if empty, err := ParseObject(`{ }`); err != nil || len(empty) != 0 {
		t.Errorf("empty object: got %v, error %v", empty, err)
	}
}

func TestValue_TextAndTexts(t *testing.T) {
	object, err := ParseObject(`{"text":"a\u0062\"","empty":"","number":1,"null":null,"object":{"a":"b"},` +
		`"texts":[ "a" , "","\ud83d\ude00"],"none":[],"mixed":["a",1],"nested":["a",["b"]]}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		text    string
		texts   []string
		isText  bool
		isTexts bool
	}{
		"text": {text: `ab"`, isText: true}, "empty": {isText: true}, "number": {}, "null": {}, "object": {},
		"texts": {texts: []string{"a", "", "😀"}, isTexts: true}, "none": {isTexts: true}, "mixed": {}, "nested": {},
	} {
		value, _ := object.Get(name)
		if text, ok := value.Text(); text != want.text || ok != want.isText {
			t.Errorf("%s: got the text %q, %v", name, text, ok)
		}
		if texts, ok := value.Texts(); !slices.Equal(texts, want.texts) || ok != want.isTexts {
			t.Errorf("%s: got the texts %q, %v", name, texts, ok)
		}
	}
}

func TestObject_Limits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	inArrays := func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}" }
	for object, valid := range map[string]bool{
		nested(maxDepth): true, nested(maxDepth + 1): false,
		inArrays(maxDepth): true, inArrays(maxDepth + 1): false,
		"{" + manyMembers(maxMembers) + "}":           true,
		"{" + manyMembers(maxMembers+1) + "}":         false,
		`{"a":{` + manyMembers(maxMembers-1) + "}}":   true,
		`{"a":{` + manyMembers(maxMembers) + "}}":     false,
		`{"a":[` + strings.Repeat("1,", 1000) + "1]}": true,
	} {
		_, err := ParseObject(object)
		if (err == nil) != valid {
			t.Errorf("%.60s… (%d bytes): got error %v, want accepted %v", object, len(object), err, valid)
		}
		if err != nil {
			checkRefusal(t, object[:20], err)
		}
	}
}

// Rule 07: JSON that two parsers may interpret differently is rejected. The
// text can be the claims of a token.
func TestRule07_RejectsAmbiguousClaims(t *testing.T) {
	for _, object := range []string{
		`{"exp":1,"exp":2}`, `{"exp":1,"exp":1}`, `{"exp":1,"\u0065xp":2}`, `{"\u0065xp":1,"e\u0078p":2}`,
		`{"a":{"b":1,"b":1}}`,
		`{"a":[{"b":1},{"b":1,"c":2,"b":3}]}`, `{"\ud83d\ude00":1,"😀":2}`, `{"/":1,"\/":2}`,
		`{"a":1} `, `{"a":1}` + "\n", `{"a":1}{}`, `{"a":1}x`, `{"a":1}` + "\x00", ` {"a":1}`, "\ufeff" + `{"a":1}`,
		"\xff\xfe{\x00}\x00",
		"{\"a\":\"\xff\"}", "{\"\xff\":1}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xc0\x80\"}",
		"{\"a\":\"\xf8\x88\x80\x80\x80\"}",
		`{"a":"\ud800"}`, `{"a":"\udc00"}`, `{"a":"\ud800x"}`, `{"a":"\ud800\n"}`, `{"a":"\ud800\ud800"}`,
		`{"a":"\udc00\ud800"}`, `{"\ud800":1}`,
		`{"a":"\u12"}`, `{"a":"\u12`, `{"a":"\u+123"}`, `{"a":"\u0_00"}`, `{"a":"\u00g0"}`, `{"a":"\U0061"}`,
		`{"a":"\x61"}`, `{"a":"\0"}`, `{"a":"\`, `{"a":"\"}`,
		"{\"a\":\"\x00\"}", "{\"a\":\"\t\"}", "{\"a\":\"\x1f\"}", "{\"a\n\":1}",
		`{"a":01}`, `{"a":+1}`, `{"a":.5}`, `{"a":1.}`, `{"a":1e}`, `{"a":1e+}`, `{"a":-}`, `{"a":--1}`, `{"a":0x1}`,
		`{"a":1_0}`, `{"a":NaN}`, `{"a":Infinity}`,
		`{"a":tru}`, `{"a":True}`, `{"a":nul}`, `{"a":nullx}`, `{"a":undefined}`, `{"a":}`, `{"a"}`, `{"a":1,}`, `{,}`,
		`{"a":1 "b":2}`, `{"a" 1}`, `{"a":1;"b":2}`,
		`{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":[1}`, `{"a":{]}`, `{a:1}`, `{'a':1}`, `{1:1}`,
		`{"a":'b'}`, `{/**/}`, `{"a":1}//`, "{\"a\":\u00a01}", "{\"a\":\v1}",
		`{`, `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":"`, `}`, ``, ` `, `[]`, `[{"a":1}]`, `"a"`, `1`, `null`,
		`true`,
	} {
		if got, err := ParseObject(object); err == nil {
			t.Errorf("%q: got %q, want ErrInvalid", object, got)
		} else {
			checkRefusal(t, fmt.Sprintf("%q", object), err)
		}
	}
}

package jws

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzVerify passes two tokens to Verify. The first is the fuzzed text. Verify
// must reject it unless the test signed it.
//
// The second has the fuzzed header and payload and a valid signature. Verify
// must accept it exactly if encoding/json, as an independent parser, finds only
// typ, alg and kid in the header.
func FuzzVerify(f *testing.F) {
	p := pairOf(edDSA)
	signed := map[string]bool{}
	for _, header := range []string{
		p.header(), `{"alg":"EdDSA","kid":"EdDSA"}`, "{\"kid\":\"EdDSA\",\n\"\\u0061lg\":\"EdDSA\" }",
	} {
		token := p.token(header, `{"sub":"alice"}`)
		signed[token] = true
		f.Add(token, []byte(header), []byte(`{"sub":"alice"}`))
	}
	for _, header := range []string{
		`{"alg":"none","kid":"EdDSA"}`, `{"alg":"EdDSA","kid":"EdDSA","crit":["x"]}`,
		`{"alg":"EdDSA","alg":"EdDSA","kid":"EdDSA"}`,
		`{"Alg":"EdDSA","kid":"EdDSA"}`, `{"alg":"EdDSA","kid":"EdDSA","typ":"\ud800"}`,
		`{"alg":"EdDSA","kid":"EdDSA"} `, `{"alg":1}`,
	} {
		f.Add(p.token(header, "x")+"=", []byte(header), []byte{0xff})
	}
	f.Add("..", []byte("{"), []byte{})
	f.Add(`{"protected":"","payload":"","signature":""}`, []byte("\ufeff{}"), []byte("\r\n"))
	f.Fuzz(func(t *testing.T, compact string, header, payload []byte) {
		if token, err := Verify(compact, ring); err == nil && !signed[compact] {
			t.Errorf("Verify accepted %q as %+v", compact, token)
		} else if err != nil {
			checkRefusal(t, compact, err)
		}
		own := p.token(string(header), string(payload))
		token, err := Verify(own, ring)
		if want := len(own) <= MaxSize && allowedHeader(header); (err == nil) != want {
			t.Fatalf("header %q: got error %v, want accepted %v", header, err, want)
		}
		if err != nil {
			checkRefusal(t, own, err)
			return
		}
		if !bytes.Equal(token.Payload, payload) || token.KeyID != "EdDSA" || token.Algorithm != "EdDSA" {
			t.Errorf("Verify returned %+v for payload %q", token, payload)
		}
		parts := strings.Split(own, ".")
		for i, part := range parts {
			b, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil || base64.RawURLEncoding.EncodeToString(b) != part {
				t.Errorf("part %d of an accepted token is not canonical", i)
			}
		}
	})
}

// allowedHeader reports whether Verify must accept a header that is signed with
// the EdDSA key.
func allowedHeader(data []byte) bool {
	if !plainObject(data) {
		return false
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		return false
	}
	for name, value := range members {
		if _, isText := value.(string); !isText || name != "typ" && name != "alg" && name != "kid" {
			return false
		}
	}
	return members["alg"] == "EdDSA" && members["kid"] == "EdDSA"
}

// FuzzObject compares Object with encoding/json as an independent parser. Both
// must reject the same objects and return the same members for the others.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1,"b":[true,false,null,-0.1e5],"c":{"d":"\u00e9\ud83d\ude00\\"}}`, `{"a":1,"a":2}`,
		`{"a":{"b":1,"\u0062":2}}`, `{"a":1} `,
		` {}`, `{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, `{"a":[[[[[[[]]]]]]]}`, `{"a":[[[[[[[[]]]]]]]]}`,
		"{\"\xff\":1}", `{"a":"\\ud800"}`,
		`{"a":"\ud83d\ude0"}`, `{"a":01}`, `[{}]`, `{"�":"\ufffd"}`, "\ufeff{}", `{"a":1e400}`, `{"a" :	1 ,"b":""}`,
		"{" + manyMembers(300) + "}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ParseObject(string(data))
		if want := plainObject(data); (err == nil) != want {
			t.Fatalf("%q: got error %v, want accepted %v", data, err, want)
		}
		if err != nil {
			checkRefusal(t, string(data), err)
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%q: got %q, want %q", data, got, want)
		}
		for name, value := range want {
			if v, _ := got.Get(name); string(v) != string(value) {
				t.Errorf("%q: member %q is %q, want %q", data, name, v, value)
			}
		}
	})
}

// plainObject reports whether Object must accept data. It uses encoding/json.
func plainObject(data []byte) bool {
	if !json.Valid(data) || !utf8.Valid(data) || data[0] != '{' || data[len(data)-1] != '}' || halfSurrogate(data) {
		return false
	}
	type level struct {
		names  map[string]bool // nil for an array
		isName bool
	}
	var levels []level
	members := 0
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return true
		} else if err != nil {
			return false
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			levels = levels[:len(levels)-1]
			continue
		}
		if top := len(levels) - 1; top >= 0 && levels[top].names != nil {
			levels[top].isName = !levels[top].isName
			if levels[top].isName {
				name := token.(string)
				if members++; levels[top].names[name] || members > maxMembers {
					return false
				}
				levels[top].names[name] = true
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			levels = append(levels, level{names: map[string]bool{}})
		case json.Delim('['):
			levels = append(levels, level{})
		}
		if len(levels) > maxDepth {
			return false
		}
	}
}

// halfSurrogate reports whether valid JSON contains an escaped surrogate
// without its other half. The decoder of encoding/json converts it to U+FFFD,
// so halfSurrogate searches the text for the escapes.
func halfSurrogate(data []byte) bool {
	text := strings.ReplaceAll(string(data), `\\`, "..")
	for {
		at := strings.Index(text, `\u`)
		if at < 0 {
			return false
		}
		high, rest := strings.ToLower(text[at+2:at+6]), text[at+6:]
		if high >= "dc00" && high <= "dfff" {
			return true
		}
		if high >= "d800" && high <= "dbff" {
			if len(rest) < 6 || rest[:2] != `\u` {
				return true
			}
			if low := strings.ToLower(rest[2:6]); low < "dc00" || low > "dfff" {
				return true
			}
			rest = rest[6:]
		}
		text = rest
	}
}

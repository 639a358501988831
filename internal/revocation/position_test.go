package revocation

import "testing"

func TestParsePosition(t *testing.T) {
	for _, p := range []Position{{}, {Seq: 1, Mark: NewMark()}, {Seq: 1<<63 - 1, Mark: maxMark}} {
		if got, err := ParsePosition(p.String()); err != nil || got != p {
			t.Errorf("%s: read %v, %v", p, got, err)
		}
	}

	for _, text := range []string{
		"", "-", "1", "1-", "-1", "1--1", "-1-1", "01-1", "1-01", "+1-1", "1-+1", "1-1-1", " 1-1", "1-1 ", "a-1", "1-a",
		"1-9007199254740992", "9223372036854775808-1", "1e3-1",
	} {
		if p, err := ParsePosition(text); err == nil {
			t.Errorf("%q: read %v, want an error", text, p)
		}
	}
}

func TestNewMark_IsExactInJSONNumbers(t *testing.T) {
	seen := map[int64]bool{}
	for range 10_000 {
		mark := NewMark()
		if mark < 1 || int64(float64(mark)) != mark || mark > maxMark {
			t.Fatalf("mark %d", mark)
		}
		seen[mark] = true
	}
	if len(seen) < 9_999 {
		t.Errorf("%d different marks of 10000", len(seen))
	}
}

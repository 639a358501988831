package password

import "testing"

func TestPeriod(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a": 1, "aa": 1, "ab": 2, "abab": 2, "ababa": 2, "aba": 3, "abcab": 5, "abcabca": 3, "aaab": 4,
	} {
		if got := period([]rune(text)); got != want {
			t.Errorf("period(%q) = %d, want %d", text, got, want)
		}
	}
}

package password

import (
	"strings"
	"testing"
)

// defaults are the values of the default configuration.
var defaults = Settings{Memory: 19 << 20, Iterations: 2, Parallelism: 1, MinLength: 15}

func TestSettingsValidate_AcceptsBounds(t *testing.T) {
	for _, s := range []Settings{
		defaults,
		{Memory: 19 << 20, Iterations: 2, Parallelism: 1, MemoryBudget: 19 << 20, MinLength: 8},
		{Memory: 256 << 20, Iterations: 10, Parallelism: 16, MemoryBudget: 256 << 20, MinLength: 64},
	} {
		if err := s.Validate(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestSettingsValidate_NamesKeyAndBounds(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*Settings)
	}{
		{"password.memory is 19455KiB; want 19MiB to 256MiB, whole KiB", func(s *Settings) { s.Memory = 19455 << 10 }},
		{"password.memory is 256GiB; want 19MiB to 256MiB, whole KiB", func(s *Settings) { s.Memory = 256 << 30 }},
		{
			"password.memory is 262145KiB; want 19MiB to 256MiB, whole KiB",
			func(s *Settings) { s.Memory = 262145 << 10 },
		},
		{"password.memory is 20000001B; want 19MiB to 256MiB, whole KiB", func(s *Settings) { s.Memory = 20000001 }},
		{"password.memory is 0B; want 19MiB to 256MiB, whole KiB", func(s *Settings) { s.Memory = 0 }},
		{"password.iterations is 1; want 2 to 10", func(s *Settings) { s.Iterations = 1 }},
		{"password.iterations is 11; want 2 to 10", func(s *Settings) { s.Iterations = 11 }},
		{"password.iterations is 4294967298; want 2 to 10", func(s *Settings) { s.Iterations = 1<<32 + 2 }},
		{"password.parallelism is 0; want 1 to 16", func(s *Settings) { s.Parallelism = 0 }},
		{"password.parallelism is 17; want 1 to 16", func(s *Settings) { s.Parallelism = 17 }},
		{"password.parallelism is 257; want 1 to 16", func(s *Settings) { s.Parallelism = 257 }},
		{"password.min_length is 7; want 8 to 64", func(s *Settings) { s.MinLength = 7 }},
		{"password.min_length is 65; want 8 to 64", func(s *Settings) { s.MinLength = 65 }},
		{"password.min_length is 0; want 8 to 64", func(s *Settings) { s.MinLength = 0 }},
		{
			"password.memory_budget is 1B; want at least password.memory, 19MiB, or 0B",
			func(s *Settings) { s.MemoryBudget = 1 },
		},
		{
			"password.memory_budget is 19455KiB; want at least password.memory, 19MiB, or 0B",
			func(s *Settings) { s.MemoryBudget = 19455 << 10 },
		},
	} {
		s := defaults
		c.change(&s)
		if err := s.Validate(); err == nil || err.Error() != c.want {
			t.Errorf("Validate() = %v, want %s", err, c.want)
		}
	}
}

func TestSettingsValidate_ReturnsAllFaults(t *testing.T) {
	err := Settings{MemoryBudget: -1}.Validate()
	if err == nil {
		t.Fatal("Validate() = nil")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, key := range []string{
		"password.memory ", "password.iterations ", "password.parallelism ",
		"password.memory_budget ", "password.min_length ",
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], key) {
			t.Errorf("line %d of the error does not begin with %s:\n%v", i, key, err)
		}
	}
	if len(lines) != 5 {
		t.Errorf("the error has %d lines, want 5:\n%v", len(lines), err)
	}
}

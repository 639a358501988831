package password

import (
	"errors"
	"fmt"
	"strings"
)

// smallHash are the resources of a hash that needs almost no memory.
var smallHash = resources{bytes: 8 << 10, cpus: 1}

// An importedHash is a password hash that another program made.
//
// It is used for one login: that login replaces it by an argon2id hash. The
// password is not normalized, because the other programs do not normalize it.
type importedHash struct {
	need  resources
	match func(password []byte) bool
	// dummy is a hash of the same format that costs as much and that no
	// password matches: salt and key are zeros.
	dummy string
}

// A Format is a format of password hashes that Verify supports.
type Format struct {
	// Name is the name of the algorithm, and before it that of the program if
	// only this program writes the format.
	Name string
	// Form is an example. Words in capitals stand for the parts that differ.
	Form string
	// Limits are the highest parameters.
	Limits string

	// parsers maps what a hash begins with to the parser of the whole hash.
	parsers map[string]parser
}

// A parser parses a hash of another program. It accepts only what that program
// writes. It returns errFormat or errCost.
type parser func(phc string) (importedHash, error)

// explain returns the sentence for an error of the format's parser.
func (f Format) explain(err error) error {
	switch {
	case errors.Is(err, errFormat):
		return InputError(fmt.Sprintf("The password hash is malformed. The form of %s is %s.", f.Name, f.Form))
	case errors.Is(err, errCost):
		return InputError(fmt.Sprintf("The password hash exceeds the limits of %s: %s.", f.Name, f.Limits))
	}
	return err
}

// after returns the parser of hashes that are a prefix and a hash for parse.
func after(prefix string, parse parser) parser {
	return func(phc string) (importedHash, error) {
		rest, ok := strings.CutPrefix(phc, prefix)
		if !ok {
			return importedHash{}, errFormat
		}
		h, err := parse(rest)
		h.dummy = prefix + h.dummy
		return h, err
	}
}

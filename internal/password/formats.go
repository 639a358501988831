package password

import (
	"slices"
	"strings"
)

// formats are all formats. Each one stands in the file of its algorithm.
var formats = slices.Concat(
	argon2Formats, bcryptFormats, scryptFormats, pbkdf2Formats, shaCryptFormats, phpassFormats, digestFormats)

// Formats returns the formats that Verify supports.
func Formats() []Format { return slices.Clone(formats) }

// formatOf returns the format of a hash and its parser, which is nil if the
// format is not supported.
func formatOf(phc string) (Format, parser) {
	for _, f := range formats {
		for prefix, parse := range f.parsers {
			if strings.HasPrefix(phc, prefix) {
				return f, parse
			}
		}
	}
	return Format{}, nil
}

// parseImported parses a hash that is not native.
func parseImported(phc string) (importedHash, error) {
	if err := checkSupported(phc); err != nil {
		return importedHash{}, err
	}
	f, parse := formatOf(phc)
	if parse == nil {
		return importedHash{}, errUnsupported
	}
	h, err := parse(phc)
	return h, f.explain(err)
}

// parseNative is parseArgon2 with the sentence for a hash that it rejects.
func parseNative(phc string) (argon2Hash, error) {
	if err := checkSupported(phc); err != nil {
		return argon2Hash{}, err
	}
	h, err := parseArgon2(phc)
	return h, argon2Formats[0].explain(err)
}

package cli

import "errors"

// An outputFormat is the value of the --output flag.
type outputFormat string

const (
	outputText outputFormat = "text"
	outputJSON outputFormat = "json"
)

// String returns the format; it implements pflag.Value.
func (f *outputFormat) String() string { return string(*f) }

// Set accepts text and json; it implements pflag.Value.
func (f *outputFormat) Set(value string) error {
	switch v := outputFormat(value); v {
	case outputText, outputJSON:
		*f = v
		return nil
	}
	return errors.New("must be text or json")
}

// Type returns the placeholder of the value in the help; it implements
// pflag.Value.
func (f *outputFormat) Type() string { return "text or json" }

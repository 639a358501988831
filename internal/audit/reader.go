package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Read returns the events of a log, ordered by time, and a text for each line
// that should be an event and cannot be read. Other lines of a server's log may
// stand between the events.
func Read(r io.Reader) (events []Event, faults []string, err error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		text, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, err
		}

		switch e, ok, fault := decode(text); {
		case fault != nil:
			faults = append(faults, fmt.Sprintf("line %d: %v", number, fault))
		case ok:
			events = append(events, e)
		}
	}

	slices.SortStableFunc(events, func(a, b Event) int { return a.Time.Compare(b.Time) })
	return events, faults, nil
}

// readLine returns the next line. It cuts a line that is longer than maxLine.
func readLine(r *bufio.Reader) (string, error) {
	var text []byte
	for {
		part, more, err := r.ReadLine()
		if err != nil {
			return "", err
		}
		if len(text) <= maxLine {
			text = append(text, part...)
		}
		if !more {
			return string(text), nil
		}
	}
}

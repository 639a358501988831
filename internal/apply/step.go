package apply

import (
	"reflect"

	"github.com/signetd/signet/internal/client"
)

// The actions of a Step.
const (
	Create = "create"
	Update = "update"
	Delete = "delete"
)

// A Step is the change of one record.
type Step struct {
	Action string        `json:"action"`
	Kind   string        `json:"kind"`
	ID     string        `json:"id"`
	Fields []FieldChange `json:"fields,omitempty"`
	// Secret is "added" if the client gets the secret of SecretFile, and "made"
	// if it gets a new one, which is written to SecretFile if there is one.
	Secret     string `json:"secret,omitempty"`
	SecretFile string `json:"secret_file,omitempty"`
	// ClientSecret is a new secret that is in no file. Make sets it.
	ClientSecret string `json:"client_secret,omitempty"`
}

// A FieldChange is the change of a field. Old and New are nil for the default.
type FieldChange struct {
	Name string `json:"name"`
	Old  any    `json:"old"`
	New  any    `json:"new"`
}

// changedFields returns the fields whose values differ.
func changedFields[T client.Client | client.Audience](k kind[T], before, next T) []FieldChange {
	var changes []FieldChange
	for _, f := range k.fields {
		if f.value == nil || f.name == "id" {
			continue
		}
		if from, to := f.value(before), f.value(next); !reflect.DeepEqual(from, to) {
			changes = append(changes, FieldChange{f.name, from, to})
		}
	}
	return changes
}

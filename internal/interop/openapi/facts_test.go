package openapi

import (
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Facts are statements of the document that an exchange can show, such as
// "requestToken 401" or "schema TokenResponse.scope".
type facts map[string]bool

// factsOf returns the facts of the document.
func factsOf(document *openapi3.T) facts {
	all := facts{}
	for _, item := range document.Paths.Map() {
		for _, operation := range item.Operations() {
			all.addRequest(operation)
			for status, response := range operation.Responses.Map() {
				all.addResponse(operation, status, response)
			}
		}
	}
	return all
}

func (all facts) addRequest(operation *openapi3.Operation) {
	for _, parameter := range operation.Parameters {
		all[parameterFact(operation, parameter)] = true
	}
	for _, requirement := range *security(operation) {
		for scheme := range requirement {
			all[operation.OperationID+" security "+scheme] = true
		}
	}
	if operation.RequestBody == nil {
		return
	}
	for media, content := range operation.RequestBody.Value.Content {
		all[operation.OperationID+" body "+media] = true
		for name := range content.Schema.Value.Properties {
			all[propertyFact(content.Schema, name)] = true
		}
	}
}

func security(operation *openapi3.Operation) *openapi3.SecurityRequirements {
	if operation.Security == nil {
		return &openapi3.SecurityRequirements{}
	}
	return operation.Security
}

func (all facts) addResponse(operation *openapi3.Operation, status string, response *openapi3.ResponseRef) {
	all[operation.OperationID+" "+status] = true
	for name, header := range response.Value.Headers {
		where := headerFact(operation, status, response, name)
		all[where] = true
		all.addSchema(where, header.Value.Schema)
	}
	for media, content := range response.Value.Content {
		all[operation.OperationID+" "+status+" "+media] = true
		all.addSchema(operation.OperationID+" "+status, content.Schema)
		if code := content.Schema.Value.Properties["error"]; code != nil {
			for _, value := range code.Value.Enum {
				all[errorFact(operation, status, value)] = true
			}
		}
	}
}

// addSchema adds the properties and the values of a schema. where is the place
// of a schema that is not a component.
func (all facts) addSchema(where string, schema *openapi3.SchemaRef) {
	where = schemaName(where, schema)
	for _, value := range schema.Value.Enum {
		all[fmt.Sprintf("%s=%v", where, value)] = true
	}
	if schema.Value.Items != nil {
		all.addSchema(where+"[]", schema.Value.Items)
	}
	for name, property := range schema.Value.Properties {
		fact := propertyFact(schema, name)
		all[fact] = true
		all.addSchema(fact, property)
	}
}

// addValue adds the properties and the values of the schema that a value has.
func (all facts) addValue(where string, schema *openapi3.SchemaRef, value any) {
	where = schemaName(where, schema)
	if len(schema.Value.Enum) > 0 {
		all[fmt.Sprintf("%s=%v", where, value)] = true
	}
	if list, ok := value.([]any); ok && schema.Value.Items != nil {
		for _, item := range list {
			all.addValue(where+"[]", schema.Value.Items, item)
		}
	}
	if object, ok := value.(map[string]any); ok {
		for name, property := range schema.Value.Properties {
			if member, ok := object[name]; ok {
				fact := propertyFact(schema, name)
				all[fact] = true
				all.addValue(fact, property, member)
			}
		}
	}
}

func schemaName(where string, schema *openapi3.SchemaRef) string {
	if schema.Ref != "" {
		return "schema " + schema.Ref[strings.LastIndex(schema.Ref, "/")+1:]
	}
	return where
}

func propertyFact(schema *openapi3.SchemaRef, name string) string {
	return schemaName("", schema) + "." + name
}

// parameterFact names a parameter. One that operations share is named once.
func parameterFact(operation *openapi3.Operation, parameter *openapi3.ParameterRef) string {
	if parameter.Ref != "" {
		return "parameter " + parameter.Ref
	}
	return operation.OperationID + " parameter " + parameter.Value.Name
}

// headerFact names a header. That of a response that operations share is named
// once.
func headerFact(operation *openapi3.Operation, status string, response *openapi3.ResponseRef, name string) string {
	if response.Ref != "" {
		return response.Ref + " header " + name
	}
	return operation.OperationID + " " + status + " header " + name
}

func errorFact(operation *openapi3.Operation, status string, code any) string {
	return fmt.Sprintf("%s %s error=%v", operation.OperationID, status, code)
}

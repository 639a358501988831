package web

import (
	"maps"
	"slices"
)

// Routes are the routes of the listeners, sorted. They are the keys of the
// tables from which Handler, OpsHandler and GatewayHandler serve.
type Routes struct {
	// Public and Ops are http.ServeMux patterns.
	Public, Ops []string
	// Gateway are the beginnings of paths. An audience follows.
	Gateway []string
}

// RoutesOf returns the routes of servers with these options. The test of
// docs/openapi.yaml compares them with the document.
func RoutesOf(o Options) (Routes, error) {
	public, err := handlers(o)
	if err != nil {
		return Routes{}, err
	}
	routes := Routes{
		Public: slices.Sorted(maps.Keys(public)),
		Ops:    slices.Sorted(maps.Keys(opsHandlers(o.Checks, nil, o.Log))),
	}
	for _, form := range gatewayForms {
		routes.Gateway = append(routes.Gateway, form.path, optionalPath+form.path)
	}
	slices.Sort(routes.Gateway)
	return routes, nil
}

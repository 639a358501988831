// Package gateways tests the pages of docs/gateways. It starts real gateways
// with the configurations of these pages, between an application and the
// server, and sends the same requests through each of them.
package gateways

// Package complete
// has its comment.
package complete

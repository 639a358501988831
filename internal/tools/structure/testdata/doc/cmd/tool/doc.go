// Command tool has its comment.
package main

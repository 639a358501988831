// Package namesakes has the name of another package.
package namesake

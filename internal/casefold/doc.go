// Package casefold converts text to a form in which spellings that differ in
// case or in normalization are equal.
package casefold

// Package page makes and reads the page tokens of lists, and cuts lists into
// pages. It promises no compatibility to importers.
package page

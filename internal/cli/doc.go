// Package cli implements the commands of the signet program: flags, prompts and
// the printed results. It promises no compatibility to importers.
//
// A command is a function that returns a *cobra.Command, such as
// newLoginCommand. It gets the program, which holds the standard streams and
// the flags that all commands share.
package cli

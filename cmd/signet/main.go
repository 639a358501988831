package main

import (
	"os"

	"github.com/signetd/signet/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:])) }

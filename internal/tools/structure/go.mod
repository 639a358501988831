module github.com/signetd/signet/internal/tools/structure

go 1.26.4

// Package internal_test checks the links of the documents, and the program as
// it is built.
package internal_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	code    = regexp.MustCompile("`[^`\n]*`")
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notWord = regexp.MustCompile(`[^\pL\pN _-]`)
)

// documents returns the texts of the Markdown files of the repository, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts, root := map[string]string{}, os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git"):
			return fs.SkipDir
		case path.Ext(name) != ".md":
			return nil
		}
		text, err := fs.ReadFile(root, name)
		texts[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// anchors returns the anchors of the headings of a document, as GitHub makes
// them.
func anchors(text string) []string {
	var names []string
	for _, match := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := notWord.ReplaceAllString(strings.ToLower(match[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// brokenLinks returns the links of the document name whose file or heading does
// not exist. It ignores URLs, and links within code.
func brokenLinks(documents map[string]string, name string, exists func(string) bool) []string {
	var broken []string
	prose := code.ReplaceAllString(fenced.ReplaceAllString(documents[name], ""), "")
	for _, match := range link.FindAllStringSubmatch(prose, -1) {
		if strings.Contains(match[1], "://") {
			continue
		}
		file, anchor, _ := strings.Cut(match[1], "#")
		target := name
		if file != "" {
			target = path.Join(path.Dir(name), file)
		}
		if !exists(target) || anchor != "" && !slices.Contains(anchors(documents[target]), anchor) {
			broken = append(broken, match[1])
		}
	}
	return broken
}

// README links to every page of docs.
func TestDocuments_LinksAreNotBroken(t *testing.T) {
	all := documents(t)
	if len(all) < 10 {
		t.Fatalf("only %d documents were found", len(all))
	}
	for name := range all {
		exists := func(target string) bool { _, err := os.Stat(path.Join("..", target)); return err == nil }
		for _, to := range brokenLinks(all, name, exists) {
			t.Errorf("%s links to %s, which does not exist", name, to)
		}
		if path.Dir(name) == "docs" && !strings.Contains(all["README.md"], "]("+name+")") {
			t.Errorf("README does not link to %s", name)
		}
	}
}

func TestBrokenLinks(t *testing.T) {
	pages := map[string]string{
		"docs/a.md": "# One `two` (x)\n" +
			"[ok](b.md) [ok](#one-two-x) [ok](https://x.example/y) `[code](no.md)`\n" +
			"[1](c.md) [2](#three) [3](b.md#none)\n" +
			"```sh\n# three\n[code](no.md)\n```\n",
		"docs/b.md": "",
	}
	exists := func(target string) bool { _, ok := pages[target]; return ok }
	if got := brokenLinks(pages, "docs/a.md", exists); !slices.Equal(got, []string{"c.md", "#three", "b.md#none"}) {
		t.Errorf("broken links %q, want c.md, #three and b.md#none", got)
	}
}

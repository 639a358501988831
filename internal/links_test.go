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

// documents returns the Markdown files of the repository, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found, root := map[string]string{}, os.DirFS("..")
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
		found[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// anchors returns the names by which the headings of a document can be linked to, as GitHub makes them.
func anchors(text string) []string {
	var names []string
	for _, found := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := notWord.ReplaceAllString(strings.ToLower(found[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// brokenLinks returns the links in a document to files of the repository, or headings in them, that are not there.
func brokenLinks(documents map[string]string, name string, exists func(string) bool) []string {
	var broken []string
	prose := code.ReplaceAllString(fenced.ReplaceAllString(documents[name], ""), "")
	for _, found := range link.FindAllStringSubmatch(prose, -1) {
		if strings.Contains(found[1], "://") {
			continue
		}
		file, anchor, _ := strings.Cut(found[1], "#")
		target := name
		if file != "" {
			target = path.Join(path.Dir(name), file)
		}
		if !exists(target) || anchor != "" && !slices.Contains(anchors(documents[target]), anchor) {
			broken = append(broken, found[1])
		}
	}
	return broken
}

// TestLinks follows every link of the documents within the repository, and wants each page of docs in README's list.
func TestLinks(t *testing.T) {
	all := documents(t)
	if len(all) < 10 {
		t.Fatalf("only %d documents were found", len(all))
	}
	for name := range all {
		exists := func(target string) bool { _, err := os.Stat(path.Join("..", target)); return err == nil }
		for _, to := range brokenLinks(all, name, exists) {
			t.Errorf("%s links to %s, which is not there", name, to)
		}
		if path.Dir(name) == "docs" && !strings.Contains(all["README.md"], "]("+name+")") {
			t.Errorf("README does not link to %s", name)
		}
	}
}

func TestBrokenLinksAreFound(t *testing.T) {
	pages := map[string]string{
		"docs/a.md": "# One `two` (x)\n[ok](b.md) [ok](#one-two-x) [ok](https://x.example/y) [1](c.md) [2](#three) [3](b.md#none) `[code](no.md)`\n" +
			"```sh\n# three\n[code](no.md)\n```\n",
		"docs/b.md": "",
	}
	exists := func(target string) bool { _, ok := pages[target]; return ok }
	if got := brokenLinks(pages, "docs/a.md", exists); !slices.Equal(got, []string{"c.md", "#three", "b.md#none"}) {
		t.Errorf("found %q", got)
	}
}

package deliver

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wayside-tracing/wayside/internal/authority"
)

func tokenHeader(path string) []Header {
	return []Header{
		{"authorization", []Part{{Text: "Bearer "}, {File: path}}},
		{"x-static", []Part{{Text: "fixed"}}},
	}
}

// A file that changes is looked at once a second, and taken up when it has
// stayed as it is for one look; what is wrong is told once and changes nothing.
func TestHeadersAreReadAgain(t *testing.T) {
	f := newFolder(t)
	path := f.put("token", []byte("one\n"))
	synctest.Test(t, func(t *testing.T) {
		log := &logBook{}
		c, err := LoadCredentials(CredentialOptions{Headers: tokenHeader(path)}, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		has := func(token string) {
			t.Helper()
			want := []headerField{{"authorization", "Bearer " + token}, {"x-static", "fixed"}}
			if got := c.current().headers; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		has("one")
		f.put("token", []byte("two\r\n"))
		has("one") // not looked at yet
		time.Sleep(lookEvery)
		has("one") // seen
		time.Sleep(lookEvery - 1)
		has("one")
		time.Sleep(time.Nanosecond)
		has("two")

		for _, bad := range []string{"", "a\nb", "x ", "ä"} {
			f.put("token", []byte(bad))
			for range 5 {
				time.Sleep(lookEvery)
				has("two")
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(lookEvery)
			has("two")
		}
		f.put("token", []byte("three"))
		time.Sleep(lookEvery)
		has("two")
		f.put("token", []byte("three, and more")) // it was still being written
		time.Sleep(lookEvery)
		has("two")
		time.Sleep(lookEvery)
		has("three, and more")

		text := log.String()
		if n := strings.Count(text, "the old ones stay in force"); n != 5 { // one for each thing that is wrong in it, one for being gone
			t.Errorf("%d complaints in\n%s", n, text)
		}
		if strings.Count(text, "changed credentials are in force") != 2 || strings.Contains(text, "two") || strings.Contains(text, "three") {
			t.Errorf("log\n%s", text)
		}
	})
}

// A folder of headers may be missing; what comes, changes and goes in it is in
// force within seconds, and what is wrong changes nothing.
func TestFolderOfHeaders(t *testing.T) {
	f := newFolder(t)
	folder := f.file("headers")
	synctest.Test(t, func(t *testing.T) {
		log := &logBook{}
		opt := CredentialOptions{Headers: []Header{{"x-static", []Part{{Text: "fixed"}}}}, HeadersFrom: folder}
		c, err := LoadCredentials(opt, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		has := func(want ...headerField) {
			t.Helper()
			for range 4 {
				time.Sleep(lookEvery)
				c.current()
			}
			want = append([]headerField{{"x-static", "fixed"}}, want...)
			if got := c.current().headers; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		has()
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		has()
		f.put("headers/Authorization", []byte("Bearer s3cret\n"))
		f.put("headers/..data", []byte("no header"))
		has(headerField{"authorization", "Bearer s3cret"})
		f.put("headers/x-tenant", []byte(" shop "))
		has(headerField{"authorization", "Bearer s3cret"}, headerField{"x-tenant", "shop"})
		for _, bad := range []string{"x-static", "host", "a b"} {
			f.put("headers/"+bad, []byte("s3cret"))
			has(headerField{"authorization", "Bearer s3cret"}, headerField{"x-tenant", "shop"})
			f.remove("headers/" + bad)
		}
		f.put("headers/Authorization", []byte("Bearer s3cret-2"))
		has(headerField{"authorization", "Bearer s3cret-2"}, headerField{"x-tenant", "shop"})
		f.remove("headers/Authorization")
		has(headerField{"x-tenant", "shop"})
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		has()
		if text := log.String(); strings.Contains(text, "s3cret") || strings.Count(text, "can't be used") != 3 || strings.Count(text, "are in force") != 5 {
			t.Errorf("log\n%s", text)
		}
	})
}

// Kubernetes swaps a symbolic link to a folder.
func TestSymlinkIsFollowed(t *testing.T) {
	f := newFolder(t)
	for _, version := range []string{"v1", "v2"} {
		if err := os.Mkdir(f.file(version), 0o700); err != nil {
			t.Fatal(err)
		}
		f.put(version+"/token", []byte(version))
	}
	link := func(to string) {
		t.Helper()
		if err := os.Symlink(to, f.file("new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(f.file("new"), f.file("..data")); err != nil {
			t.Fatal(err)
		}
	}
	link("v1")
	if err := os.Symlink(filepath.Join("..data", "token"), f.file("token")); err != nil {
		t.Fatal(err)
	}
	c, _ := credentials(t, CredentialOptions{Headers: tokenHeader(f.file("token"))})
	if got := c.current().headers[0].value; got != "Bearer v1" {
		t.Errorf("%q", got)
	}
	link("v2")
	c.current()
	if got := c.current().headers[0].value; got != "Bearer v2" {
		t.Errorf("%q", got)
	}
}

// A token that changes does not cost the connections.
func TestHeadersLeaveTLSAsItIs(t *testing.T) {
	f := newFolder(t)
	ca := authority.New(t, "ca")
	c, _ := credentials(t, CredentialOptions{CA: f.put("ca", ca.PEM), Headers: tokenHeader(f.put("token", []byte("one")))})
	before := c.current()
	f.put("token", []byte("two"))
	c.current()
	after := c.current()
	if after == before || after.tls != before.tls {
		t.Errorf("changed: %v, TLS changed: %v", after != before, after.tls != before.tls)
	}
	f.put("ca", authority.New(t, "other").PEM)
	c.current()
	if c.current().tls == before.tls {
		t.Error("another CA is not in force")
	}
}

func TestWrongFilesAtStart(t *testing.T) {
	f := newFolder(t)
	pair := authority.New(t, "ca").Issue(authority.Client("agent"))
	f.put("cert", pair.PEM)
	f.put("key", pair.Key)
	f.put("other", authority.New(t, "ca").Issue(authority.Client("agent")).Key)
	f.put("empty", nil)
	f.put("large", make([]byte, maxCredentialFile+1))
	for name, c := range map[string]struct {
		opt  CredentialOptions
		want string
	}{
		"no file":           {CredentialOptions{CA: f.file("none")}, "no such file"},
		"no CA":             {CredentialOptions{CA: f.file("key")}, "no certificate in it"},
		"too large":         {CredentialOptions{CA: f.file("large")}, "larger than 1 MiB"},
		"key of another":    {CredentialOptions{Cert: f.file("cert"), Key: f.file("other")}, "private key does not match"},
		"empty certificate": {CredentialOptions{Cert: f.file("empty"), Key: f.file("key")}, "failed to find any PEM data"},
		"empty token":       {CredentialOptions{Headers: tokenHeader(f.file("empty"))}, "header authorization from " + f.file("empty")},
		"no token":          {CredentialOptions{Headers: tokenHeader(f.file("none"))}, "no such file"},
	} {
		_, err := LoadCredentials(c.opt, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

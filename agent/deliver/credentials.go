package deliver

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wayside-tracing/wayside/internal/header"
)

// lookEvery is how often files are looked at, as long as something is sent. A
// change is taken up when it is a second old or has been the same twice, so that
// a file that is being written is not taken. It is in force two to three seconds
// after it was made, or with the next export if that is later.
const (
	lookEvery = time.Second
	settled   = time.Second
)

// maxCredentialFile is in bytes: a bundle of all public authorities has 230 kB.
const maxCredentialFile = 1 << 20

// CredentialOptions say what an agent shows to its endpoints, and asks of them.
type CredentialOptions struct {
	CA, Cert, Key string // paths of PEM files; without CA, the system's authorities
	ServerName    string // "" is the endpoint's host
	SkipVerify    bool
	Headers       []Header
	// HeadersFrom is a folder of which each file is a header more (internal/header);
	// it may come and go. "" is none.
	HeadersFrom string
}

// Header is sent with every export. Name is in lower case.
type Header struct {
	Name  string
	Value []Part // put end to end
}

// Part of a value: a text, or what a file holds without the line end after it.
type Part struct{ Text, File string }

// Credentials are read from files, and read again when these change. There is
// no goroutine in them: who exports asks, and looks at the files if that was
// not done lately. They are safe for use by several goroutines.
type Credentials struct {
	opt   CredentialOptions
	log   *slog.Logger
	every time.Duration
	paths []string

	mu       sync.Mutex
	lookedAt time.Time
	inForce  sums
	seen     sums // in the last look, if that was something else
	said     string
	set      *credentialSet
}

// sums tell one version of files from another, by path.
type sums map[string][sha256.Size]byte

// reading is all files at a time.
type reading struct {
	files   map[string][]byte
	sums    sums
	headers []string  // names of the files of HeadersFrom
	newest  time.Time // when the last of them was written
}

// credentialSet is what is in force at a time. It is not changed.
type credentialSet struct {
	tls     *tls.Config // another one when anything for TLS has changed
	headers []headerField
}

type headerField struct{ name, value string }

// LoadCredentials reads the files. One that is missing or wrong is an error
// here; later it is told in the log, and what was before stays in force.
func LoadCredentials(opt CredentialOptions, log *slog.Logger) (*Credentials, error) {
	c := &Credentials{opt: opt, log: log, every: lookEvery, lookedAt: time.Now()}
	for _, p := range []string{opt.CA, opt.Cert, opt.Key} {
		c.add(p)
	}
	for _, h := range opt.Headers {
		for _, p := range h.Value {
			c.add(p.File)
		}
	}
	r, err := c.read()
	if err != nil {
		return nil, err
	}
	c.inForce = r.sums
	c.set, err = c.build(r, nil)
	if err != nil {
		return nil, err
	}
	if opt.SkipVerify {
		log.Warn("certificates of collectors are not checked: skip_verify is for trying things out only")
	}
	return c, nil
}

func (c *Credentials) add(path string) {
	if path != "" && !slices.Contains(c.paths, path) {
		c.paths = append(c.paths, path)
	}
}

// current is what is in force now.
func (c *Credentials) current() *credentialSet {
	if c == nil {
		return &credentialSet{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); (len(c.paths) > 0 || c.opt.HeadersFrom != "") && now.Sub(c.lookedAt) >= c.every {
		c.lookedAt = now
		if err := c.look(); err != nil && err.Error() != c.said {
			c.said = err.Error()
			c.log.Error("changed credentials can't be used: the old ones stay in force", "error", err)
		}
	}
	return c.set
}

// look takes up files that have changed, when they are as they were before.
func (c *Credentials) look() error {
	r, err := c.read()
	switch {
	case errors.Is(err, errSwapped):
		return nil // and look again
	case err != nil:
		return err
	case maps.Equal(r.sums, c.inForce):
		c.seen, c.said = nil, ""
		return nil
	case !maps.Equal(r.sums, c.seen) && time.Since(r.newest) < settled:
		c.seen = r.sums
		return nil
	}
	secure := c.set.tls
	changed := c.changed(r.sums)
	if slices.ContainsFunc(changed, c.isTLS) {
		secure = nil
	}
	set, err := c.build(r, secure)
	if err != nil {
		return err
	}
	c.set, c.inForce, c.seen, c.said = set, r.sums, nil, ""
	c.log.Info("changed credentials are in force", "files", changed)
	return nil
}

// changed are the files that are not what is in force, those that are gone
// included.
func (c *Credentials) changed(now sums) (list []string) {
	for p, s := range now {
		if was, ok := c.inForce[p]; !ok || was != s {
			list = append(list, p)
		}
	}
	for p := range c.inForce {
		if _, ok := now[p]; !ok {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list
}

// isTLS says whether a file is for TLS.
func (c *Credentials) isTLS(path string) bool {
	return path == c.opt.CA || path == c.opt.Cert || path == c.opt.Key
}

// errSwapped is of a folder that changed while it was read.
var errSwapped = errors.New("the folder of headers changed while it was read")

// read reads all files.
func (c *Credentials) read() (*reading, error) {
	r := &reading{files: map[string][]byte{}, sums: sums{}}
	for _, p := range c.paths {
		if err := r.add(p); err != nil {
			return nil, err
		}
	}
	if c.opt.HeadersFrom == "" {
		return r, nil
	}
	if info, err := os.Stat(c.opt.HeadersFrom); err == nil {
		r.newest = latest(r.newest, info.ModTime())
	}
	var err error
	if r.headers, err = header.Files(c.opt.HeadersFrom); err != nil {
		return nil, err
	}
	for _, name := range r.headers {
		if err := r.add(filepath.Join(c.opt.HeadersFrom, name)); errors.Is(err, fs.ErrNotExist) {
			return nil, errSwapped
		} else if err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *reading) add(path string) error {
	b, written, err := readLimited(path)
	if err != nil {
		return err
	}
	r.newest = latest(r.newest, written)
	r.files[path], r.sums[path] = b, sha256.Sum256(b)
	return nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func readLimited(path string) (content []byte, written time.Time, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, written, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, written, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxCredentialFile+1))
	if err == nil && len(b) > maxCredentialFile {
		err = fmt.Errorf("%s is larger than 1 MiB", path)
	}
	return b, info.ModTime(), err
}

// build makes a set of what files hold. secure, if not nil, is for TLS. No error
// shows a value.
func (c *Credentials) build(r *reading, secure *tls.Config) (*credentialSet, error) {
	set := &credentialSet{tls: secure}
	if secure == nil {
		var err error
		if set.tls, err = c.tls(r.files); err != nil {
			return nil, err
		}
	}
	for _, h := range c.opt.Headers {
		var value strings.Builder
		from := ""
		for _, p := range h.Value {
			value.WriteString(p.Text)
			value.WriteString(strings.TrimRight(string(r.files[p.File]), "\r\n"))
			from = cmp.Or(p.File, from)
		}
		if err := header.CheckValue(value.String()); err != nil {
			return nil, fmt.Errorf("header %s from %s: %w", h.Name, from, err)
		}
		set.headers = append(set.headers, headerField{h.Name, value.String()})
	}
	for _, name := range r.headers {
		path := filepath.Join(c.opt.HeadersFrom, name)
		h := headerField{strings.ToLower(name), header.Value(r.files[path])}
		err := header.CheckName(h.name)
		if err == nil {
			err = header.CheckValue(h.value)
		}
		if err == nil && slices.ContainsFunc(set.headers, func(o headerField) bool { return o.name == h.name }) {
			err = errors.New("is configured a second time; remove one")
		}
		if err != nil {
			return nil, fmt.Errorf("header from %s: %w", path, err)
		}
		set.headers = append(set.headers, h)
	}
	if len(set.headers) > header.Max {
		return nil, fmt.Errorf("%d headers are too many; %d are the most", len(set.headers), header.Max)
	}
	return set, nil
}

func (c *Credentials) tls(files map[string][]byte) (*tls.Config, error) {
	cfg := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         c.opt.ServerName,
		InsecureSkipVerify: c.opt.SkipVerify,
		// Records of 16 KiB from the first: batches are large, and each record
		// is a system call.
		DynamicRecordSizingDisabled: true,
	}
	if c.opt.CA != "" {
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(files[c.opt.CA]) {
			return nil, fmt.Errorf("%s: no certificate in it", c.opt.CA)
		}
	}
	if c.opt.Cert != "" {
		cert, err := tls.X509KeyPair(files[c.opt.Cert], files[c.opt.Key])
		if err != nil {
			return nil, fmt.Errorf("%s and %s: %w", c.opt.Cert, c.opt.Key, err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}

// errNoTLS is a mistake of whoever made a transport.
var errNoTLS = errors.New("TLS without credentials")

// tlsFor is the configuration for a connection that is to be opened.
func (c *Credentials) tlsFor() (*tls.Config, error) {
	if set := c.current(); set.tls != nil {
		return set.tls, nil
	}
	return nil, errNoTLS
}

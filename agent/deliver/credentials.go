package deliver

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
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
	inForce  []sum // of paths
	seen     []sum // in the last look, if that was something else
	said     string
	set      *credentialSet
}

type sum = [sha256.Size]byte

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
	files, sums, _, err := c.read()
	if err != nil {
		return nil, err
	}
	c.inForce = sums
	c.set, err = c.build(files, nil)
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
	if now := time.Now(); len(c.paths) > 0 && now.Sub(c.lookedAt) >= c.every {
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
	files, sums, newest, err := c.read()
	if err != nil {
		return err
	}
	if slices.Equal(sums, c.inForce) {
		c.seen, c.said = nil, ""
		return nil
	}
	if !slices.Equal(sums, c.seen) && time.Since(newest) < settled {
		c.seen = sums
		return nil
	}
	old := c.set
	if c.sameTLS(sums) {
		c.set, err = c.build(files, c.set.tls)
	} else {
		c.set, err = c.build(files, nil)
	}
	if err != nil {
		c.set = old
		return err
	}
	var changed []string
	for i, s := range sums {
		if s != c.inForce[i] {
			changed = append(changed, c.paths[i])
		}
	}
	c.inForce, c.seen, c.said = sums, nil, ""
	c.log.Info("changed credentials are in force", "files", changed)
	return nil
}

// sameTLS says whether the files for TLS are as they were.
func (c *Credentials) sameTLS(sums []sum) bool {
	for _, p := range []string{c.opt.CA, c.opt.Cert, c.opt.Key} {
		if i := slices.Index(c.paths, p); i >= 0 && sums[i] != c.inForce[i] {
			return false
		}
	}
	return true
}

// read reads all files. newest is when the last of them was written.
func (c *Credentials) read() (files map[string][]byte, sums []sum, newest time.Time, err error) {
	files = map[string][]byte{}
	for _, p := range c.paths {
		b, written, err := readLimited(p)
		if err != nil {
			return nil, nil, newest, err
		}
		if written.After(newest) {
			newest = written
		}
		files[p] = b
		sums = append(sums, sha256.Sum256(b))
	}
	return files, sums, newest, nil
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

// build makes a set of what files hold. secure, if not nil, is for TLS.
func (c *Credentials) build(files map[string][]byte, secure *tls.Config) (*credentialSet, error) {
	set := &credentialSet{tls: secure}
	if secure == nil {
		var err error
		if set.tls, err = c.tls(files); err != nil {
			return nil, err
		}
	}
	for _, h := range c.opt.Headers {
		var value strings.Builder
		from := ""
		for _, p := range h.Value {
			value.WriteString(p.Text)
			value.WriteString(strings.TrimRight(string(files[p.File]), "\r\n"))
			from = cmp.Or(p.File, from)
		}
		if v := value.String(); !sendable(v) {
			return nil, fmt.Errorf("header %s from %s: is empty, or not printable ASCII without spaces at its ends", h.Name, from)
		}
		set.headers = append(set.headers, headerField{h.Name, value.String()})
	}
	return set, nil
}

// sendable says whether HTTP and gRPC both take a value.
func sendable(v string) bool {
	return v != "" && strings.TrimSpace(v) == v &&
		strings.IndexFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) < 0
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

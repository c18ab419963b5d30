package main

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// rootsPath is where Go's crypto/x509 and most other libraries look first.
const rootsPath = "/etc/ssl/certs/ca-certificates.crt"

// rootsPEM is Mozilla's list as this module's go.mod pins it, so that an image
// does not depend on the machine that builds it. Authorities which are trusted
// only in part are left out: a file of certificates can't say so.
func rootsPEM() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // to memory
		}
	}
	return b.Bytes()
}

package migrate

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Write writes a plan as a script for sh, to be read before it is run.
func (p Plan) Write(w io.Writer) error {
	var b strings.Builder
	b.WriteString("#!/bin/sh -eu\n# What there is of the old agents, and what moves it to Wayside. Nothing has been\n# changed so far: read it, and run it step by step. Where manifests are kept\n# elsewhere (Git, Helm), the same changes belong there.\n#\n")
	for _, f := range p.Found {
		comment(&b, "   found: ", f)
	}
	if len(p.Found) == 0 {
		b.WriteString("#   nothing was found\n")
	}
	for _, u := range p.Unseen {
		comment(&b, "   not seen: ", u)
	}
	for i, s := range p.Steps {
		b.WriteString("\n")
		comment(&b, fmt.Sprintf(" %d. ", i+1), s.What)
		for _, n := range s.Notes {
			comment(&b, "   ", n)
		}
		for _, l := range s.Lost {
			comment(&b, "   NOT CARRIED OVER: ", l)
		}
		switch {
		case s.Command == "":
		case s.Manifest == "":
			b.WriteString(s.Command + "\n")
		default:
			fmt.Fprintf(&b, "%s <<'EOF'\n%sEOF\n", s.Command, s.Manifest)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var plain = regexp.MustCompile(`^[A-Za-z0-9._/:-]+$`)

// word is an argument for sh: names out of a file may be anything.
func word(s string) string {
	if plain.MatchString(s) && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// comment keeps what came from elsewhere in comments, whatever is in it.
func comment(b *strings.Builder, head, text string) {
	fmt.Fprintf(b, "#%s%s\n", head, strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, text))
}

// Summary is a plan in one line.
func (p Plan) Summary() string {
	if len(p.Found) == 0 {
		return "nothing of the Jaeger Agent or of sidecar operators was found"
	}
	s := fmt.Sprintf("%s found, %s to run", count(len(p.Found), "place"), count(len(p.Steps), "step"))
	if n := p.Lost(); n > 0 {
		s += fmt.Sprintf("; %s can't be carried over and is named there", count(n, "thing"))
		if n > 1 {
			s = strings.Replace(s, "and is named", "and are named", 1)
		}
	}
	return s
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

package config

import (
	"fmt"
	"strings"
)

// expand replaces ${NAME}, ${NAME:default} and ${file:/path} in a value that
// YAML has already read, so that what is put in can never become a key.
// $${ stands for ${ itself; any other $ for itself. A default is used where
// the variable is unset or empty. fromFile reports that a file's content is in
// the result, which therefore isn't shown.
func (h host) expand(text string) (result string, fromFile bool, err error) {
	parts, err := h.parts(text)
	if err != nil {
		return "", false, err
	}
	return h.join(parts)
}

// join puts parts together, with what the files hold now.
func (h host) join(parts []Part) (result string, fromFile bool, err error) {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
		if p.File == "" {
			continue
		}
		s, err := h.fileValue(p.File)
		if err != nil {
			return "", false, err
		}
		b.WriteString(s)
		fromFile = true
	}
	return b.String(), fromFile, nil
}

// parts replaces variables and leaves files to be read.
func (h host) parts(text string) (parts []Part, err error) {
	var b strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			b.WriteString(text)
			if b.Len() > 0 {
				parts = append(parts, Part{Text: b.String()})
			}
			return parts, nil
		}
		if i > 0 && text[i-1] == '$' {
			b.WriteString(text[:i] + "{")
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		inner, rest, ok := strings.Cut(text[i+2:], "}")
		if !ok {
			return nil, wrong("${ is not closed", "write ${NAME}, or $${ for ${ itself")
		}
		name, arg, hasArg := strings.Cut(inner, ":")
		switch {
		case name == "file" && hasArg && arg == "":
			return nil, wrong("${file:} names no file", "write ${file:/path}")
		case name == "file" && hasArg:
			if b.Len() > 0 {
				parts = append(parts, Part{Text: b.String()})
				b.Reset()
			}
			parts = append(parts, Part{File: arg})
		default:
			s, err := h.variable(name, arg, hasArg)
			if err != nil {
				return nil, err
			}
			b.WriteString(s)
		}
		text = rest
	}
}

func (h host) variable(name, def string, hasDef bool) (string, error) {
	if !isVariable(name) {
		return "", wrong(brief(name)+" is not the name of a variable", "write ${NAME}, ${NAME:default} or ${file:/path}; $${ is ${ itself")
	}
	s, set := h.lookupEnv(name)
	switch {
	case s == "" && hasDef:
		return def, nil
	case !set:
		return "", wrong("environment variable "+name+" is not set", "set it, or give a default: ${"+name+":default}")
	}
	return s, nil
}

// fileValue is a file's content without the line end that editors and echo
// leave.
func (h host) fileValue(path string) (string, error) {
	b, err := h.readFile(path, maxValueFile)
	if err != nil {
		return "", wrong(fmt.Sprintf("file %s: %v", word(path), cause(err)), "check the path and its permissions")
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

func isVariable(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

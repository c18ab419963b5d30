package tail

// Colours are those of the terminal's own palette, so that they suit its
// background (ECMA-48, SGR; 90 to 97 are the bright ones of aixterm). Red is
// kept for errors.
const (
	dim = "2"
	red = "31"
)

var palette = [...]string{"36", "32", "33", "35", "34", "96", "92", "93", "95", "94"}

// maxColoured bounds how many services are remembered.
const maxColoured = 1000

// Colours gives each service a colour of its own, as long as there are some.
// It is used by one goroutine.
type Colours struct {
	given map[string]string
}

func (c *Colours) of(service string) string {
	if c == nil {
		return ""
	}
	if colour, ok := c.given[service]; ok {
		return colour
	}
	if len(c.given) >= maxColoured {
		return ""
	}
	if c.given == nil {
		c.given = map[string]string{}
	}
	colour := palette[len(c.given)%len(palette)]
	c.given[service] = colour
	return colour
}

// paint gives text a colour, or none for "".
func (l Layout) paint(colour, s string) string {
	if l.Colours == nil || colour == "" || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[m"
}

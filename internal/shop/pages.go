package shop

import (
	"fmt"
	"strconv"
)

var products = [...]string{"lamp", "teapot", "umbrella", "notebook", "scarf", "bicycle bell", "postcard", "globe"}

func (t *story) user() string { return "u" + strconv.Itoa(1000+t.rand.IntN(9000)) }

func (t *story) sku() string {
	return fmt.Sprintf("%s-%02d", products[t.rand.IntN(len(products))][:3], t.rand.IntN(100))
}

// home is the front page: products from the cache, or from the database.
func (t *story) home() {
	t.request("GET", "/", "http://shop.example/", func(a *act) {
		a.work(0.8)
		a.call(Catalog, "listProducts", func(a *act) {
			a.redis("GET", "products:front")
			if a.chance(15) {
				a.log(text("event", "cache miss"), text("key", "products:front"))
				a.sql("SELECT id, name, price FROM products WHERE front ORDER BY rank LIMIT 24", 14, 24, "")
				a.redis("SET", "products:front")
			}
		})
		a.work(2.5)
	})
}

// product is the page of one product: what it is and whether there is one,
// asked at the same time.
func (t *story) product() {
	sku := t.sku()
	t.request("GET", "/product/:sku", "http://shop.example/product/"+sku, func(a *act) {
		a.tag(text("product.sku", sku))
		a.work(0.6)
		a.together(
			func(a *act) {
				a.call(Catalog, "getProduct", func(a *act) {
					a.redis("GET", "product:"+sku)
					if a.chance(30) {
						a.sql("SELECT * FROM products WHERE sku = $1", 4, 1, "")
					}
				})
			},
			func(a *act) {
				a.call(Inventory, "inStock", func(a *act) {
					a.tag(text("product.sku", sku), number("stock", a.rand.IntN(50)))
					a.sql("SELECT sum(quantity) FROM stock WHERE sku = $1", 5, 1, "")
				})
			},
		)
		a.work(1.8)
	})
}

// addToCart puts something into the cart, if there is some left.
func (t *story) addToCart() {
	sku, user := t.sku(), t.user()
	t.request("POST", "/cart", "http://shop.example/cart", func(a *act) {
		a.tag(text("user.id", user))
		a.work(0.7)
		ok := a.call(Cart, "addItem", func(a *act) {
			a.tag(text("product.sku", sku), number("quantity", 1+a.rand.IntN(3)))
			ok := a.call(Inventory, "reserve", func(a *act) {
				problem := ""
				if a.chance(2) {
					problem = "could not obtain lock on row in relation \"stock\""
				}
				a.failed = !a.sql("UPDATE stock SET reserved = reserved + $2 WHERE sku = $1", 8, 1, problem)
			})
			if !ok {
				a.failed = true
				return
			}
			a.redis("HSET", "cart:"+user)
			a.redis("EXPIRE", "cart:"+user)
		})
		a.failed = !ok
		a.work(0.5)
	})
}

// checkout buys what is in the cart: the long way through the shop.
func (t *story) checkout() {
	user := t.user()
	cents := 500 + t.rand.IntN(30_000)
	t.request("POST", "/checkout", "http://shop.example/checkout", func(a *act) {
		a.tag(text("user.id", user))
		a.work(1)
		a.call(Cart, "getItems", func(a *act) {
			a.redis("HGETALL", "cart:"+user)
			a.tag(number("cart.items", 1+a.rand.IntN(6)))
		})
		a.failed = !a.call(Checkout, "placeOrder", func(a *act) {
			a.tag(text("user.id", user), double("order.total", float64(cents)/100), text("order.currency", "EUR"))
			a.work(1.5)
			a.call(Inventory, "commit", func(a *act) {
				a.sql("UPDATE stock SET quantity = quantity - reserved WHERE cart = $1", 9, 3, "")
			})
			if !a.call(Payment, "charge", func(a *act) { a.charge(cents) }) {
				a.failed = true
				a.call(Inventory, "release", func(a *act) {
					a.sql("UPDATE stock SET reserved = 0 WHERE cart = $1", 6, 3, "")
				})
				return
			}
			a.sql("INSERT INTO orders (user_id, total) VALUES ($1, $2)", 7, 1, "")
			a.log(text("event", "order placed"))
			a.call(Shipping, "quoteDelivery", func(a *act) {
				a.work(12)
				a.tag(text("carrier", "post"), number("days", 2+a.rand.IntN(4)))
			})
			a.later(Mailer, "orders", "sendConfirmation", func(a *act) {
				a.work(3)
				a.smtp()
			})
		})
		a.work(1.2)
	})
}

// charge asks the bank, again when it does not answer in time.
func (a *act) charge(cents int) {
	a.tag(number("amount.cents", cents))
	a.work(2)
	for attempt := 1; attempt <= 3; attempt++ {
		b := a.begin(a.span.Service, "POST /authorize", a, a.now,
			text("span.kind", "client"), text("component", "net/http"), text("peer.service", "bank"),
			text("http.method", "POST"), text("http.url", "https://bank.example/authorize"), number("attempt", attempt))
		status := 200
		switch {
		case a.chance(6):
			status = 503
			b.work(250)
			b.fail("Timeout", "no answer from bank.example within 250 ms")
		case a.chance(7):
			status = 402
			b.work(70)
			b.fail("CardDeclined", "card declined: insufficient funds")
		default:
			b.work(85)
		}
		b.tag(number("http.status_code", status))
		a.now = b.now
		b.end()
		switch status {
		case 200:
			return
		case 402:
			a.fail("CardDeclined", "card declined")
			return
		}
		a.log(text("event", "retry"), number("attempt", attempt))
		a.work(float64(20 * attempt))
	}
	a.fail("Unavailable", "bank did not answer three times")
}

// smtp sends a mail.
func (a *act) smtp() {
	s := a.begin(a.span.Service, "SMTP DATA", a, a.now,
		text("span.kind", "client"), text("component", "net/smtp"), text("peer.service", "mail.example"))
	s.work(60)
	if a.chance(3) {
		s.fail("SMTPError", "451 mailbox busy, try again later")
		a.failed = true
	}
	a.now = s.now
	s.end()
}

// restock is work that no visitor asked for. Where the inventory is not
// instrumented, nobody sees it; a visitor comes instead.
func (t *story) restock() {
	if Inventory >= t.services {
		t.home()
		return
	}
	a := t.begin(Inventory, "restock", nil, 0, text("component", "cron"))
	a.sql("SELECT sku FROM stock WHERE quantity < threshold", 25, 12, "")
	for range 2 + t.rand.IntN(4) {
		a.work(1)
		a.sql("UPDATE stock SET quantity = quantity + $2 WHERE sku = $1", 6, 1, "")
	}
	a.end()
}

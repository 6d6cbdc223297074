// The load of the bench with Go's net/smtp: one goroutine for each connection, each sends the same message again and again.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/smtp"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type xoauth2 struct{ user, token string }

func (a xoauth2) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + a.user + "\x01auth=Bearer " + a.token + "\x01\x01"), nil
}

func (a xoauth2) Next([]byte, bool) ([]byte, error) { return nil, nil }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	must(err)
	return value
}

// Milliseconds of processor time so far.
func cpu() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

func main() {
	address, ca, from, to, token, file := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]
	connections, warmUp, duration := number(os.Args[7]), number(os.Args[8]), number(os.Args[9])
	message, err := os.ReadFile(file)
	must(err)
	pem, err := os.ReadFile(ca)
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)

	var accepted atomic.Int64
	var stopped atomic.Bool
	var ended sync.WaitGroup
	for i := 0; i < connections; i++ {
		client, err := smtp.Dial(address)
		must(err)
		must(client.Hello("bench"))
		must(client.StartTLS(&tls.Config{ServerName: "127.0.0.1", RootCAs: roots}))
		must(client.Auth(xoauth2{from, token}))
		ended.Add(1)
		go func() {
			defer ended.Done()
			for !stopped.Load() {
				must(client.Mail(from))
				must(client.Rcpt(to))
				writer, err := client.Data()
				must(err)
				_, err = writer.Write(message)
				must(err)
				must(writer.Close())
				accepted.Add(1)
			}
		}()
	}

	time.Sleep(time.Duration(warmUp) * time.Millisecond)
	messages, start, before := accepted.Load(), time.Now(), cpu()
	time.Sleep(time.Duration(duration) * time.Millisecond)
	fmt.Printf(`{"messages":%d,"seconds":%f,"cpu":%f}`, accepted.Load()-messages, time.Since(start).Seconds(), cpu()-before)
	stopped.Store(true)
	ended.Wait()
}

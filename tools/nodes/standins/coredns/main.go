// A stand-in for CoreDNS: A records of services, and of the endpoints of headless
// ones, from the Kubernetes API by the pod's service account; /health and /ready.
// The authorities of its service account are read once, as CoreDNS does.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	account  = "/var/run/secrets/kubernetes.io/serviceaccount/"
	domain   = ".svc.cluster.local"
	interval = 2 * time.Second
	ttl      = 5 // seconds

	typeA       = 1
	headerBytes = 12
	// Response, authoritative, recursion desired and available.
	responseFlags = 0x8580
	noSuchName    = 3
)

type records map[string][]net.IP

type metadata struct{ Name, Namespace string }

func (m metadata) domainName() string {
	return strings.ToLower(m.Name + "." + m.Namespace + domain)
}

type services struct {
	Items []struct {
		Metadata metadata
		Spec     struct{ ClusterIP string }
	}
}

type endpoints struct {
	Items []struct {
		Metadata metadata
		Subsets  []struct{ Addresses []struct{ IP string } }
	}
}

func newClient() (*http.Client, error) {
	authorities, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authorities)
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
	}, nil
}

func get(client *http.Client, path string, into interface{}) error {
	// The kubelet renews the token in place.
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return err
	}
	server := net.JoinHostPort(
		os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	request, err := http.NewRequest(http.MethodGet, "https://"+server+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+string(token))
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

func read(client *http.Client) (records, error) {
	var all services
	var behind endpoints
	// CoreDNS looks at namespaces, too, and fails without the right to do so.
	var namespaces struct{}
	for path, into := range map[string]interface{}{
		"/api/v1/services": &all, "/api/v1/endpoints": &behind, "/api/v1/namespaces": &namespaces,
	} {
		if err := get(client, path, into); err != nil {
			return nil, err
		}
	}
	found := records{}
	for _, service := range all.Items {
		name := service.Metadata.domainName()
		found[name] = nil
		if address := net.ParseIP(service.Spec.ClusterIP).To4(); address != nil {
			found[name] = []net.IP{address}
		}
	}
	for _, endpoint := range behind.Items {
		name := endpoint.Metadata.domainName()
		if addresses, known := found[name]; !known || addresses != nil {
			continue
		}
		for _, subset := range endpoint.Subsets {
			for _, address := range subset.Addresses {
				found[name] = append(found[name], net.ParseIP(address.IP).To4())
			}
		}
	}
	return found, nil
}

// answer returns the response to a query with one question, or nil.
func answer(query []byte, known records) []byte {
	var labels []string
	at := headerBytes
	for at < len(query) && query[at] != 0 {
		end := at + 1 + int(query[at])
		if end >= len(query) {
			return nil
		}
		labels = append(labels, string(query[at+1:end]))
		at = end
	}
	if at+5 > len(query) {
		return nil
	}
	question := query[headerBytes : at+5]
	addresses, exists := known[strings.ToLower(strings.Join(labels, "."))]
	if binary.BigEndian.Uint16(query[at+1:]) != typeA {
		addresses = nil
	}
	flags := uint16(responseFlags)
	if !exists {
		flags |= noSuchName
	}
	response := append([]byte{}, query[:2]...)
	for _, field := range []uint16{flags, 1, uint16(len(addresses)), 0, 0} {
		response = binary.BigEndian.AppendUint16(response, field)
	}
	response = append(response, question...)
	for _, address := range addresses {
		// The name is that of the question, by a pointer.
		response = append(response, 0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, ttl, 0, 4)
		response = append(response, address...)
	}
	return response
}

func main() {
	client, err := newClient()
	if err != nil {
		log.Fatal(err)
	}
	var known atomic.Value
	known.Store(records{})
	var ready int32
	go func() {
		for ; ; time.Sleep(interval) {
			found, err := read(client)
			if err != nil {
				log.Print(err)
				atomic.StoreInt32(&ready, 0)
				continue
			}
			known.Store(found)
			atomic.StoreInt32(&ready, 1)
		}
	}()
	go func() {
		log.Fatal(http.ListenAndServe(":8080", http.HandlerFunc(
			func(http.ResponseWriter, *http.Request) {})))
	}()
	go func() {
		log.Fatal(http.ListenAndServe(":8181", http.HandlerFunc(
			func(response http.ResponseWriter, _ *http.Request) {
				if atomic.LoadInt32(&ready) == 0 {
					response.WriteHeader(http.StatusServiceUnavailable)
				}
			})))
	}()
	socket, err := net.ListenPacket("udp", ":53")
	if err != nil {
		log.Fatal(err)
	}
	buffer := make([]byte, 1500)
	for {
		length, from, err := socket.ReadFrom(buffer)
		if err != nil || length < headerBytes {
			continue
		}
		if response := answer(buffer[:length], known.Load().(records)); response != nil {
			_, _ = socket.WriteTo(response, from)
		}
	}
}

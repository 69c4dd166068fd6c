/* A certificate made on the spot, and an OpenSSL client on the other end of a socket pair. */
#ifndef TESTS_IO_TLS_SUPPORT_H
#define TESTS_IO_TLS_SUPPORT_H

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/tls.h"
#include "support.h"

struct tls_files {
    char folder[32], cert[48], key[48];
};

static inline void tls_files_make(struct tls_files *f)
{
    strcpy(f->folder, "/tmp/homebake-tls-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->cert, sizeof(f->cert), "%s/cert.pem", f->folder);
    snprintf(f->key, sizeof(f->key), "%s/key.pem", f->folder);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    FILE *file = fopen(f->cert, "w");
    PEM_write_X509(file, x);
    fclose(file);
    file = fopen(f->key, "w");
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(x);
    EVP_PKEY_free(key);
}

static inline void tls_files_remove(struct tls_files *f)
{
    unlink(f->cert);
    unlink(f->key);
    rmdir(f->folder);
}

static inline SSL_CTX *tls_client_context(int version_max)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, 0);
    if (version_max)
        SSL_CTX_set_max_proto_version(ctx, version_max);
    return ctx;
}

#endif

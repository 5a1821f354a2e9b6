/* What a user would write otherwise: an easy handle, kept and used again, and cJSON for the reply. */
#include "contender.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/api/ingest/whatsapp/v1/message/interactive/reply-buttons/send"

struct client {
    CURL *curl;
    struct curl_slist *headers;
    char *response;
    size_t length;
    size_t capacity;
};

static size_t keep(char *data, size_t size, size_t count, void *pointer)
{
    struct client *client = pointer;
    size_t added = size * count;

    if (client->length + added > client->capacity) {
        size_t capacity = 2 * (client->length + added);
        char *response = realloc(client->response, capacity);

        if (response == NULL)
            return 0;
        client->response = response;
        client->capacity = capacity;
    }
    memcpy(client->response + client->length, data, added);
    client->length += added;
    return added;
}

void *contender_new(const char *base_url, const char *ca_file, const char *message)
{
    static const char *const headers[] = {
        "content-type: application/json",
        "accept: application/json",
        "accept-encoding: identity",
        "x-api-key: benchmark-key",
        "x-workspace-id: benchmark-workspace",
        "user-agent: zixflow-c/0.3.0",
    };
    struct client *client = calloc(1, sizeof *client);
    char url[256];
    size_t i;

    if (client == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK
        || (client->curl = curl_easy_init()) == NULL) {
        free(client);
        return NULL;
    }
    for (i = 0; i < sizeof headers / sizeof *headers; i++)
        client->headers = curl_slist_append(client->headers, headers[i]);
    snprintf(url, sizeof url, "%s" PATH, base_url);
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(message));
    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, message);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
    return client;
}

bool contender_send(void *pointer)
{
    struct client *client = pointer;
    long http_status = 0;
    bool accepted;
    cJSON *reply;
    CURLcode code;

    client->length = 0;
    code = curl_easy_perform(client->curl);
    if (code != CURLE_OK) {
        fprintf(stderr, "curl_easy_perform: %s\n", curl_easy_strerror(code));
        return false;
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &http_status);
    reply = cJSON_ParseWithLength(client->response, client->length);
    accepted = http_status == 200
        && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(reply, "success"))
        && cJSON_IsString(cJSON_GetObjectItemCaseSensitive(reply, "message"))
        && cJSON_IsString(cJSON_GetObjectItemCaseSensitive(reply, "request_id"));
    if (!accepted)
        fprintf(stderr, "HTTP %ld, and no accepted message\n", http_status);
    cJSON_Delete(reply);
    return accepted;
}

void contender_free(void *pointer)
{
    struct client *client = pointer;

    curl_easy_cleanup(client->curl);
    curl_slist_free_all(client->headers);
    free(client->response);
    free(client);
}

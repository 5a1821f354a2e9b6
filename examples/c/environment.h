/* What the examples have in common: a client made from the environment. */

#ifndef EXAMPLES_ENVIRONMENT_H
#define EXAMPLES_ENVIRONMENT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zixflow.h>

#define ENVIRONMENT_USAGE \
    "Environment:\n" \
    "  ZIXFLOW_API_KEY       the API key (required)\n" \
    "  ZIXFLOW_WORKSPACE_ID  the workspace ID (required)\n" \
    "  ZIXFLOW_BASE_URL      another server, such as the sandbox's\n" \
    "  ZIXFLOW_CA_FILE       a PEM file of further certificate authorities to trust\n" \
    "  ZIXFLOW_TIMEOUT_MS    how long the whole call may take, in milliseconds\n"

#define EXIT_STATUS_USAGE \
    "Exit status:\n" \
    "  0       accepted and queued (ZX_OK)\n" \
    "  1       this program failed; standard error says how\n" \
    "  2       wrong usage, or settings that the library refuses\n" \
    "  10 + N  the send ended with zx_status N, as zixflow.h numbers them\n"

enum { EXIT_TROUBLE = 1, EXIT_USAGE = 2, EXIT_STATUS_BASE = 10 };

/* The ledger that the client is to have: set it before the client is made. */
static const char *ledger_file = NULL;

/* Appends `value` as a JSON string. `*end` must have room for 6 bytes for each byte of `value`,
 * and 3 more. */
static void append_json_string(char **end, const char *value)
{
    *(*end)++ = '"';
    for (; *value != '\0'; value++) {
        unsigned char byte = (unsigned char)*value;
        if (byte < 0x20) {
            *end += sprintf(*end, "\\u%04x", (unsigned)byte);
        } else {
            if (byte == '"' || byte == '\\')
                *(*end)++ = '\\';
            *(*end)++ = *value;
        }
    }
    *(*end)++ = '"';
    **end = '\0';
}

/* Returns the client's options as JSON, to be released with free(), or NULL without memory. */
static char *options_from_environment(void)
{
    static const struct {
        const char *variable;
        const char *option;
        int is_number;
    } settings[] = {
        {"ZIXFLOW_BASE_URL", "base_url", 0},
        {"ZIXFLOW_CA_FILE", "ca_file", 0},
        {"ZIXFLOW_TIMEOUT_MS", "timeout_ms", 1},
    };
    const size_t count = sizeof settings / sizeof settings[0];
    size_t capacity = sizeof "{}";
    size_t i;
    char *options;
    char *end;

    for (i = 0; i < count; i++) {
        const char *value = getenv(settings[i].variable);
        if (value != NULL)
            capacity += strlen(settings[i].option) + 6 * strlen(value) + sizeof ",\"\":\"\"";
    }
    if (ledger_file != NULL)
        capacity += 6 * strlen(ledger_file) + sizeof ",\"ledger\":\"\"";
    options = malloc(capacity);
    if (options == NULL)
        return NULL;

    end = options;
    *end++ = '{';
    for (i = 0; i < count; i++) {
        const char *value = getenv(settings[i].variable);
        if (value == NULL)
            continue;
        if (end != options + 1)
            *end++ = ',';
        append_json_string(&end, settings[i].option);
        *end++ = ':';
        /* Anything but digits goes in as text, and the library says what is wrong with it. */
        if (settings[i].is_number && *value != '\0' && strspn(value, "0123456789") == strlen(value))
            end += sprintf(end, "%s", value);
        else
            append_json_string(&end, value);
    }
    if (ledger_file != NULL) {
        end += sprintf(end, "%s\"ledger\":", end != options + 1 ? "," : "");
        append_json_string(&end, ledger_file);
    }
    strcpy(end, "}");
    return options;
}

/* Returns a client, to be released with zx_free(), or NULL after saying why on standard error;
 * `*exit_status` is then what to exit with. */
static zx_client *client_from_environment(int *exit_status)
{
    const char *api_key = getenv("ZIXFLOW_API_KEY");
    const char *workspace_id = getenv("ZIXFLOW_WORKSPACE_ID");
    zx_client *client;
    char *options;
    char *error;

    if (api_key == NULL || workspace_id == NULL) {
        fprintf(stderr, "Set ZIXFLOW_API_KEY and ZIXFLOW_WORKSPACE_ID. Try --help.\n");
        *exit_status = EXIT_USAGE;
        return NULL;
    }
    options = options_from_environment();
    if (options == NULL) {
        fprintf(stderr, "Out of memory.\n");
        *exit_status = EXIT_TROUBLE;
        return NULL;
    }
    client = zx_client_new(api_key, workspace_id, options, &error);
    free(options);
    if (client == NULL) {
        fprintf(stderr, "%s\n", error);
        zx_free(error);
        *exit_status = EXIT_USAGE;
    }
    return client;
}

/* Prints the reply on a line of its own, releases it, and returns what to exit with. */
static int print_reply(char *reply, zx_status status)
{
    int printed = printf("%s\n", reply) >= 0 && fflush(stdout) == 0;

    if (!printed) {
        perror("standard output");
        /* The outcome must not be lost with it. */
        fprintf(stderr, "%s\n", reply);
    }
    zx_free(reply);
    if (!printed)
        return EXIT_TROUBLE;
    return status == ZX_OK ? EXIT_SUCCESS : EXIT_STATUS_BASE + (int)status;
}

#endif

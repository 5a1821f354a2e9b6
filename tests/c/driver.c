/*
 * driver BASE_URL FILE: sends one message for each recipient and customer's name in FILE, which
 * holds them in turn, each ended by a NUL. It prints the status of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zixflow.h>

static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;

    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        rewind(file);
        text = size < 0 ? NULL : malloc((size_t)size + 1);
        if (text != NULL)
            *length = fread(text, 1, (size_t)size, file);
    }
    fclose(file);
    return text;
}

static zx_status send_to(const zx_client *client, const char *recipient, const char *name)
{
    static const zx_button buttons[] = {{"yes", "Yes \"please\""}, {"no", "No \\ never"}};
    zx_reply_buttons message = {0};
    char body[1024];
    char *json = NULL;
    zx_status status;

    snprintf(body, sizeof body, "Hi %s", name);
    message.size = sizeof message;
    message.recipient = recipient;
    message.phone_id = "1234567890";
    message.header_type = "text";
    message.header = name;
    message.body = body;
    message.footer = "Answer\n\twith a tap \xf0\x9f\x91\x8b";
    message.buttons = buttons;
    message.button_count = sizeof buttons / sizeof buttons[0];
    message.post_back_url = "https://192.0.2.1/changes?of=status";
    message.post_back_data = name;
    status = zx_compose_reply_buttons(&message, &json);
    if (status == ZX_OK)
        status = zx_send_reply_buttons(client, json, NULL);
    zx_free(json);
    return status;
}

int main(int argc, char **argv)
{
    char options[256];
    char *names;
    const char *next;
    size_t length = 0;
    zx_client *client;

    if (argc != 3 || (names = read_file(argv[2], &length)) == NULL)
        return EXIT_FAILURE;
    snprintf(options, sizeof options, "{\"base_url\":\"%s\",\"timeout_ms\":5000}", argv[1]);
    client = zx_client_new("sandbox-key", "sandbox-workspace", options, NULL);
    for (next = names; next < names + length;) {
        const char *recipient = next;
        const char *name = recipient + strlen(recipient) + 1;
        puts(zx_status_name(send_to(client, recipient, name)));
        next = name + strlen(name) + 1;
    }
    zx_free(client);
    free(names);
    return EXIT_SUCCESS;
}

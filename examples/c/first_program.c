#include <stdio.h>
#include <stdlib.h>
#include <zixflow.h>

int main(void)
{
    const char *message =
        "{\"recipient\": \"15550100001\", \"phone_id\": \"104857600000001\","
        " \"interactive\": {\"type\": \"button\","
        "  \"body\": {\"text\": \"Shall we deliver today?\"},"
        "  \"action\": {\"buttons\": ["
        "   {\"type\": \"reply\", \"reply\": {\"id\": \"yes\", \"title\": \"Yes\"}},"
        "   {\"type\": \"reply\", \"reply\": {\"id\": \"no\", \"title\": \"Not today\"}}]}}}";
    char *error, *reply;

    zx_client *client = zx_client_new(getenv("ZIXFLOW_API_KEY"), getenv("ZIXFLOW_WORKSPACE_ID"),
                                      NULL, /* options: the defaults */
                                      &error);
    if (client == NULL) {
        fprintf(stderr, "%s\n", error);
        zx_free(error);
        return 1;
    }
    zx_status status = zx_send_reply_buttons(client, message, &reply);
    printf("%s: %s\n", zx_status_name(status), reply);
    zx_free(reply);
    zx_free(client);
    return status == ZX_OK ? 0 : 1;
}

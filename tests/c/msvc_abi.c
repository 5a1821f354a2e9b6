/* The first program without a C library: compiled for Microsoft's ABI where its library is not. */

#include <zixflow.h>

__declspec(dllimport) unsigned long __stdcall GetEnvironmentVariableA(const char *name, char *buffer,
                                                                      unsigned long size);
__declspec(dllimport) void __stdcall ExitProcess(unsigned int code);

int start(void)
{
    static const char message[] =
        "{\"recipient\": \"15550100001\", \"phone_id\": \"104857600000001\","
        " \"interactive\": {\"type\": \"button\", \"body\": {\"text\": \"Shall we deliver today?\"},"
        "  \"action\": {\"buttons\": ["
        "   {\"type\": \"reply\", \"reply\": {\"id\": \"yes\", \"title\": \"Yes\"}}]}}}";
    static char api_key[256], workspace_id[256];
    zx_client *client;
    zx_status status;

    GetEnvironmentVariableA("ZIXFLOW_API_KEY", api_key, sizeof api_key);
    GetEnvironmentVariableA("ZIXFLOW_WORKSPACE_ID", workspace_id, sizeof workspace_id);
    client = zx_client_new(api_key, workspace_id, NULL, NULL);
    status = zx_send_reply_buttons(client, message, NULL);
    zx_free(client);
    ExitProcess((unsigned int)status);
    return 0;
}

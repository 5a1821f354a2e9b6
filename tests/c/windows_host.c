/* A host on Windows: loads zixflow.dll itself, and shows with figures what is promised of deadlines,
 * cancelling, threads, stale handles and unloading. The environment is that of a sandbox. */

#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zixflow.h>

#define THREADS 64
#define SENDS 20
#define HANDLES 500

static const char MESSAGE[] =
    "{\"recipient\": \"15550100001\", \"phone_id\": \"104857600000001\","
    " \"interactive\": {\"type\": \"button\", \"body\": {\"text\": \"Shall we deliver today?\"},"
    "  \"action\": {\"buttons\": [{\"type\": \"reply\", \"reply\": {\"id\": \"yes\", \"title\": \"Yes\"}}]}}}";

/* By LoadLibrary, and not by the linker: else nothing could be unloaded. */
static struct {
    HMODULE module;
    zx_client *(*client_new)(const char *, const char *, const char *, char **);
    zx_status (*send_with)(const zx_client *, const char *, const char *, const zx_cancel *, char **);
    zx_cancel *(*cancel_new)(void);
    void (*cancel_now)(const zx_cancel *);
    void (*client_shutdown)(const zx_client *);
    void (*free)(void *);
} zx;

static void require(int holds, const char *what)
{
    if (!holds) {
        printf("FAILED: %s\n", what);
        exit(1);
    }
}

static void find(void *place, const char *name)
{
    FARPROC found = GetProcAddress(zx.module, name);

    require(found != NULL, name);
    memcpy(place, &found, sizeof found);
}

static void load(void)
{
    zx.module = LoadLibraryA("zixflow.dll");
    require(zx.module != NULL, "LoadLibrary");
    find(&zx.client_new, "zx_client_new");
    find(&zx.send_with, "zx_send_reply_buttons_with");
    find(&zx.cancel_new, "zx_cancel_new");
    find(&zx.cancel_now, "zx_cancel_now");
    find(&zx.client_shutdown, "zx_client_shutdown");
    find(&zx.free, "zx_free");
}

static zx_client *client(const char *options)
{
    char *error = NULL;
    zx_client *made = zx.client_new("sandbox-key", "sandbox-workspace", options, &error);

    require(made != NULL, error != NULL ? error : "zx_client_new");
    return made;
}

static double now_ms(void)
{
    LARGE_INTEGER count, frequency;

    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&frequency);
    return 1000.0 * (double)count.QuadPart / (double)frequency.QuadPart;
}

/* A server that takes connections, and says nothing; its address as options. */
static void silent_server(char *options, size_t size)
{
    SOCKET listener = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    struct sockaddr_in address;
    int length = sizeof address;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(bind(listener, (struct sockaddr *)&address, length) == 0, "bind");
    require(listen(listener, 100) == 0, "listen");
    require(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
    snprintf(options, size, "{\"base_url\": \"http://127.0.0.1:%d\", \"proxy\": \"\"}",
             ntohs(address.sin_port));
}

static void deadlines(const char *silent)
{
    static const int limits[] = {50, 200, 1000, 5000};
    zx_client *made = client(silent);
    size_t i;

    for (i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        char options[64];
        double began = now_ms(), took;
        zx_status status;

        snprintf(options, sizeof options, "{\"timeout_ms\": %d}", limits[i]);
        status = zx.send_with(made, MESSAGE, options, NULL, NULL);
        took = now_ms() - began;
        require(status == ZX_OUTCOME_UNKNOWN, "a silent server leaves it unknown");
        require(took >= limits[i], "never too early");
        printf("deadline of %d ms: %.1f ms late\n", limits[i], took - limits[i]);
    }
    zx.free(made);
}

struct send {
    const zx_client *client;
    const zx_cancel *cancel;
    const char *options;
    int count;
    int queued;
    zx_status last;
    double ended;
};

static DWORD WINAPI run(void *argument)
{
    struct send *send = argument;
    int i;

    for (i = 0; i < send->count; i++) {
        send->last = zx.send_with(send->client, MESSAGE, send->options, send->cancel, NULL);
        send->queued += send->last == ZX_OK;
    }
    send->ended = now_ms();
    return 0;
}

static HANDLE start(struct send *send)
{
    /* As small a stack as is promised to be enough. */
    HANDLE thread = CreateThread(NULL, 64 * 1024, run, send, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);

    require(thread != NULL, "CreateThread");
    return thread;
}

static void interrupts(const char *silent)
{
    int shuts_down;

    for (shuts_down = 0; shuts_down < 2; shuts_down++) {
        zx_client *made = client(silent);
        zx_cancel *cancel = zx.cancel_new();
        struct send send = {made, cancel, NULL, 1, 0, ZX_OK, 0};
        HANDLE thread = start(&send);
        double began;

        Sleep(300);
        began = now_ms();
        if (shuts_down)
            zx.client_shutdown(made);
        else
            zx.cancel_now(cancel);
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
        require(send.last == ZX_OUTCOME_UNKNOWN, "what was sent is unknown");
        printf("%s: ended after %.1f ms\n", shuts_down ? "shut-down" : "cancel", send.ended - began);
        zx.free(made);
        zx.free(cancel);
    }
}

static void threads(void)
{
    zx_client *made = client(NULL);
    struct send sends[THREADS];
    HANDLE handles[THREADS];
    int i, queued = 0;
    double began = now_ms();

    for (i = 0; i < THREADS; i++) {
        struct send send = {made, NULL, NULL, SENDS, 0, ZX_OK, 0};

        sends[i] = send;
        handles[i] = start(&sends[i]);
    }
    WaitForMultipleObjects(THREADS, handles, TRUE, INFINITE);
    for (i = 0; i < THREADS; i++) {
        queued += sends[i].queued;
        CloseHandle(handles[i]);
    }
    require(queued == THREADS * SENDS, "every message is queued");
    printf("%d threads by %d sends: all queued, in %.0f ms\n", THREADS, SENDS, now_ms() - began);
    zx.free(made);
}

static void stale_handles(void)
{
    zx_client *freed[HANDLES];
    int i;

    for (i = 0; i < HANDLES; i++) {
        freed[i] = client(NULL);
        zx.free(freed[i]);
    }
    for (i = 0; i < HANDLES; i++) {
        require(zx.send_with(freed[i], MESSAGE, NULL, NULL, NULL) == ZX_INVALID_ARGUMENT, "stale");
        zx.free(freed[i]);
    }
    printf("%d clients made, freed, used after and freed again: each is reported\n", HANDLES);
}

static void unloading(void)
{
    const char *unknown = "{\"base_url\": \"https://no-such-host.invalid\", \"proxy\": \"\"}";
    int round;

    for (round = 0; round < 3; round++) {
        zx_client *made;

        load();
        made = client(unknown);
        /* Too short for the look-up, whose thread goes on. */
        zx.send_with(made, MESSAGE, "{\"timeout_ms\": 50}", NULL, NULL);
        zx.free(made);
        FreeLibrary(zx.module);
        Sleep(300);
    }
    printf("unloaded 3 times with look-ups under way\n");
}

int main(void)
{
    char silent[128];
    WSADATA data;

    require(WSAStartup(MAKEWORD(2, 2), &data) == 0, "WSAStartup");
    unloading();
    load();
    silent_server(silent, sizeof silent);
    deadlines(silent);
    interrupts(silent);
    threads();
    stale_handles();
    return 0;
}

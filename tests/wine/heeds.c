/* A COMMAND that hears Ctrl-C, takes half a second to end, and ends with 40. */
#include <windows.h>

static volatile LONG heard;

static BOOL WINAPI hear(DWORD event)
{
    if (event == CTRL_C_EVENT)
        InterlockedExchange(&heard, 40);
    return TRUE;
}

int main(void)
{
    SetConsoleCtrlHandler(hear, TRUE);
    for (int tenths = 0; tenths < 300 && !heard; tenths++)
        Sleep(100);
    Sleep(500);
    return (int)heard;
}

/* Starts PROGRAM in a console of its own, sends that console Ctrl-C or Ctrl-Break, and ends as PROGRAM did.
 *
 *     interrupt.exe c|break MILLISECONDS PROGRAM ARGUMENT...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static BOOL WINAPI not_me(DWORD event)
{
    (void)event;
    return TRUE;
}

static int cannot(const char *what)
{
    fprintf(stderr, "interrupt: cannot %s: error %lu\n", what, GetLastError());
    return 99;
}

int main(int argc, char **argv)
{
    STARTUPINFOA start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION child;
    char line[4096] = "";
    DWORD event, code;

    if (argc < 4)
        return 2;
    event = strcmp(argv[1], "break") == 0 ? CTRL_BREAK_EVENT : CTRL_C_EVENT;
    for (int i = 3; i < argc; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), "\"%s\" ", argv[i]);

    /* A console would take the place of what the streams are redirected to. */
    start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    start.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    FreeConsole();
    if (!AllocConsole())
        return cannot("make a console");
    if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &child))
        return cannot("start the program");
    Sleep(atoi(argv[2]));
    SetConsoleCtrlHandler(not_me, TRUE);
    if (!GenerateConsoleCtrlEvent(event, 0)) {
        code = cannot("send the event");
        TerminateProcess(child.hProcess, code);
        return (int)code;
    }
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &code);
    return (int)code;
}
